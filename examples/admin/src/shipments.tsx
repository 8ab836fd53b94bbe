import {
  ArrayField,
  Button,
  Datagrid,
  DateField,
  Edit,
  EditButton,
  List,
  NumberField,
  SaveButton,
  SelectInput,
  Show,
  SimpleForm,
  SimpleShowLayout,
  TextField,
  TextInput,
  Toolbar,
  TopToolbar,
  useDataProvider,
  useNotify,
  useRecordContext,
} from 'react-admin';
import type { Shipment, ShipmentsProvider } from './data-provider.js';

const statuses = ['in_transit', 'out_for_delivery', 'delivered', 'returned'].map((id) => ({ id, name: id }));

const filters = [
  <TextInput key="phone" source="phone" label="Phone" alwaysOn resettable />,
  <SelectInput key="status" source="status" choices={statuses} alwaysOn />,
];

export const ShipmentList = () => (
  <List filters={filters} perPage={20} exporter={false} sort={{ field: 'id', order: 'DESC' }}>
    <Datagrid rowClick="show" bulkActionButtons={false}>
      <TextField source="id" sortable={false} />
      <TextField source="status" sortable={false} />
      <TextField source="carrier" sortable={false} />
      <TextField source="receiver.name" label="Name" sortable={false} />
      <TextField source="receiver.phone" label="Phone" sortable={false} />
      <TextField source="receiver.address" label="Address" sortable={false} />
    </Datagrid>
  </List>
);

const CallButton = () => {
  const shipment = useRecordContext<Shipment>();
  const { call } = useDataProvider<ShipmentsProvider>();
  const notify = useNotify();
  const ring = (of: Shipment) =>
    call(of).then(
      ({ status }) => notify(`Calling the customer: ${status}`, { type: 'success' }),
      (error: Error) => notify(error.message, { type: 'error' }),
    );
  return <Button label="Call the customer" onClick={() => shipment && void ring(shipment)} />;
};

const ShowActions = () => (
  <TopToolbar>
    <CallButton />
    <EditButton />
  </TopToolbar>
);

export const ShipmentShow = () => (
  <Show actions={<ShowActions />}>
    <SimpleShowLayout>
      <TextField source="id" />
      <TextField source="orderNo" label="Order" />
      <TextField source="status" />
      <TextField source="carrier" />
      <TextField source="trackingNo" />
      <DateField source="shippedAt" showTime />
      <TextField source="note" />
      <TextField source="receiver.name" label="Name" />
      <TextField source="receiver.phone" label="Phone" />
      <TextField source="receiver.address" label="Address" />
      <TextField source="receiver.idCardNo" label="Identity card" />
      <ArrayField source="items">
        <Datagrid bulkActionButtons={false} rowClick={false}>
          <TextField source="sku" sortable={false} />
          <TextField source="title" sortable={false} />
          <NumberField source="quantity" sortable={false} />
        </Datagrid>
      </ArrayField>
    </SimpleShowLayout>
  </Show>
);

const SaveOnly = () => (
  <Toolbar>
    <SaveButton />
  </Toolbar>
);

export const ShipmentEdit = () => (
  <Edit mutationMode="pessimistic" redirect="show">
    <SimpleForm toolbar={<SaveOnly />}>
      <SelectInput source="status" choices={statuses} />
      <TextInput source="note" parse={(text: string) => text || null} />
      <TextInput source="receiver.phone" label="Phone" />
    </SimpleForm>
  </Edit>
);
